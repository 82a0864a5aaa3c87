import OpenAI from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import OpenAIv6 from 'openai-v6'
import { zodResponseFormat as zodResponseFormatV6 } from 'openai-v6/helpers/zod'

/** The openai package in the majors that people use. They are called alike, so the types of one stand for both. */
export const OPENAI_MAJORS = [
  { name: 'openai 7', OpenAI, zodResponseFormat },
  {
    name: 'openai 6',
    OpenAI: OpenAIv6 as unknown as typeof OpenAI,
    zodResponseFormat: zodResponseFormatV6 as unknown as typeof zodResponseFormat,
  },
]
