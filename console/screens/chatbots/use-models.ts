import { api, ok } from '../../api/client.ts'
import { me } from '../../api/session.ts'
import { useLoad } from '../../ui/use-load.ts'

/** The models of this server that the user's plan has; none while they load. */
export function useModels(): string[] {
  const { data } = useLoad(() => ok(api.GET('/api/v1/plans')), [])
  return data?.find(({ id }) => id === me.value?.plan)?.models ?? []
}
