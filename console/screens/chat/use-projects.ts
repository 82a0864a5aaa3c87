import { api, page, type Schemas } from '../../api/client.ts'
import { usePages } from '../../ui/use-pages.ts'

export type Project = Schemas['Project']

/** The user's projects, newest first. */
export const useProjects = () =>
  usePages<Project>((cursor) => page(api.GET('/api/v1/projects', { params: { query: { cursor, limit: 100 } } })), [])
