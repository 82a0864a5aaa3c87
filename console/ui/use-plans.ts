import { api, ok } from '../api/client.ts'
import { me } from '../api/session.ts'
import { useLoad } from './use-load.ts'

/** All plans that there are. */
export const usePlans = () => useLoad(() => ok(api.GET('/api/v1/plans')), [])

/** The models that the user's plan has; undefined until they are known. */
export const useModels = (): string[] | undefined => usePlans().data?.find(({ id }) => id === me.value?.plan)?.models
