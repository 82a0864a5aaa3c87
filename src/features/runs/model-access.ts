import type { Access } from '../../ai/providers.ts'
import type { Config } from '../../env.ts'
import type { Log } from '../../http/log.ts'
import { readPicture } from '../files/service/pictures.ts'
import { openSecret } from './endpoint-access.ts'

/** What a Runner has, and the models that it asks may need. */
export const accessOf = (files: R2Bucket, config: Config, log: Log): Access => ({
  readPicture: (picture) => readPicture(files, picture, log),
  openSecret: (endpoint) => openSecret(config, endpoint),
})
