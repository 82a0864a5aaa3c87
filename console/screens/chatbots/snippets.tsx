import { Copy } from '../../ui/copy.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Wide } from '../../ui/wide.tsx'

/** How programs ask the chatbot of a key: ready to run where the key is known, to be filled in where it is not. */
export function Snippets({ secret }: { secret: string | undefined }) {
  const key = secret ?? 'parley_sk_…'
  const baseUrl = `${location.origin}/v1`
  const snippets = key.startsWith('parley_pk_')
    ? { 'In a web page': inPage(baseUrl, key) }
    : { curl: curl(baseUrl, key), Python: python(baseUrl, key), TypeScript: typescript(baseUrl, key) }
  return (
    <Tabs
      label="Language"
      tabs={Object.entries(snippets).map(([name, text]) => ({
        name,
        content: (
          <div class="snippet">
            <Copy text={text} what={`the code in ${name}`} />
            <Wide label={`Code in ${name}`}>
              <pre>
                <code>{text}</code>
              </pre>
            </Wide>
          </div>
        ),
      }))}
    />
  )
}

const curl = (baseUrl: string, key: string) => `curl -N ${baseUrl}/chat/completions \\
  -H 'authorization: Bearer ${key}' \\
  -H 'content-type: application/json' \\
  -d '{"model":"default","stream":true,"messages":[{"role":"user","content":"Hello"}]}'`

const python = (baseUrl: string, key: string) => `# pip install openai
from openai import OpenAI

client = OpenAI(base_url="${baseUrl}", api_key="${key}")
stream = client.chat.completions.create(
    model="default",
    messages=[{"role": "user", "content": "Hello"}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)`

const typescript = (baseUrl: string, key: string) => `// npm install openai
import OpenAI from 'openai'

const client = new OpenAI({ baseURL: '${baseUrl}', apiKey: '${key}' })
const stream = await client.chat.completions.create({
  model: 'default',
  messages: [{ role: 'user', content: 'Hello' }],
  stream: true,
})
for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? '')`

const inPage = (baseUrl: string, key: string) => `const response = await fetch('${baseUrl}/chat/completions', {
  method: 'POST',
  headers: { authorization: 'Bearer ${key}', 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'default', messages: [{ role: 'user', content: 'Hello' }] }),
})
const { choices, error } = await response.json()
if (error) throw new Error(error.message)
console.log(choices[0].message.content)`
