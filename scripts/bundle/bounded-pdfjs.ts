import type { Plugin } from 'vite'

/**
 * Bounds that pdf.js has no options for, so that no file takes the memory of a Worker. A new version in which a place is
 * not found, or twice, does not build.
 */
const BOUNDS: Record<string, [place: string, instead: string]> = {
  'a stream is unpacked to 32 MiB at the most': [
    'let n=this.minBufferLength;for(;n<e;)n*=2;',
    'let n=this.minBufferLength;for(;n<e;)n*=2;if(n>33554432)throw Error("A stream is too large");',
  ],
  'images are no text, whatever a filter claims': [
    'readBlock(){this.decodeImage()}',
    'readBlock(){throw Error("An image is no text")}',
  ],
  'ranges of a map of characters have 131072 of them in all (1 of 2)': [
    'if(t-e>at)throw Error(`mapCidRange ',
    'if((this.mapped=(this.mapped??0)+t-e)>131072)throw Error(`mapCidRange ',
  ],
  'ranges of a map of characters have 131072 of them in all (2 of 2)': [
    'if(t-e>at)throw Error(`mapBfRange ',
    'if((this.mapped=(this.mapped??0)+t-e)>131072)throw Error(`mapBfRange ',
  ],
}

/** Never the inflater of the platform, which unpacks all that it is given at once. */
const withoutInflater = (source: string) => source.replaceAll('new DecompressionStream(', 'new (void 0)(')

export const boundedPdfjs: Plugin = {
  name: 'bounded-pdfjs',
  enforce: 'pre',
  transform(code, id) {
    if (!/[\\/]unpdf[\\/]dist[\\/].*pdfjs/.test(id)) return undefined
    let bounded = code
    for (const [bound, [place, instead]] of Object.entries(BOUNDS)) {
      if (bounded.split(place).length !== 2) throw new Error(`pdf.js has changed: see to it that ${bound}`)
      bounded = bounded.replace(place, () => instead)
    }
    return { code: withoutInflater(bounded), map: { mappings: '' } }
  },
}
