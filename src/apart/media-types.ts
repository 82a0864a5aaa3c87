import { fileTypeFromBuffer } from 'file-type'

/** The media type that the first bytes of a file show; `undefined` when nothing known begins like that. */
export async function mediaTypeOf(head: Uint8Array): Promise<string | undefined> {
  return (await fileTypeFromBuffer(head))?.mime
}
