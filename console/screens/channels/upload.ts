import { authorizedFetch, type Schemas } from '../../api/client.ts'
import { problemOf } from '../../api/problem.ts'

/** Stores a file of the user's. @throws Problem, TypeError */
export async function upload(file: File): Promise<Schemas['Attachment']> {
  const url = new URL('/api/v1/upload', location.origin)
  url.searchParams.set('filename', file.name)
  const headers = { 'content-type': file.type || 'application/octet-stream' }
  const response = await authorizedFetch(new Request(url, { method: 'PUT', headers, body: file }))
  if (!response.ok) throw await problemOf(response)
  return response.json()
}

/** The content of a file. @throws Problem, TypeError */
export async function download(path: string): Promise<Blob> {
  const response = await authorizedFetch(new Request(new URL(path, location.origin)))
  if (!response.ok) throw await problemOf(response)
  return response.blob()
}
