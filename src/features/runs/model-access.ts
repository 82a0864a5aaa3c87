import type { Access } from '../../ai/providers.ts'
import type { Config } from '../../env.ts'
import type { Log } from '../../http/log.ts'
import { unsealFor } from '../chatbots/service/sealing.ts'
import { readPicture } from '../files/service/pictures.ts'

/** What whoever owns a run has, and the models that it asks may need. */
export const accessOf = (files: R2Bucket, config: Config, log: Log): Access => ({
  readPicture: (picture) => readPicture(files, picture, log),
  openSecret: async ({ chatbotId, url, sealed }) =>
    sealed === null ? undefined : unsealFor(config, { chatbotId, origin: new URL(url).origin, sealed }),
})
