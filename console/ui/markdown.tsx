import { lexer, type Token, type Tokens } from 'marked'
import { type ComponentChildren, createContext, type VNode } from 'preact'
import { useContext, useMemo } from 'preact/hooks'
import { Wide } from './wide.tsx'

/** Where a link may lead. Anything else is text. */
const LINK = /^(https?:|mailto:)/i

/** How the plain words in it are shown: as they are, unless somebody sees more in them. */
export const Words = createContext((text: string): ComponentChildren => text)

/**
 * Markdown that nobody trusts, as elements: no text of it is ever read as HTML, no picture is loaded, and links leave
 * without telling from where.
 */
export function Markdown({ text }: { text: string }) {
  const tokens = useMemo(() => parse(text), [text])
  return <div class="markdown">{blocks(tokens)}</div>
}

/** Deeper than anybody writes. Without an end to it, quotes in quotes would be more than the stack of a reader's browser. */
const MAX_DEPTH = 20

/** What cannot be parsed, or drawn, is the text that it is. */
function parse(text: string): Token[] {
  try {
    const tokens = lexer(text, { gfm: true, breaks: true })
    if (!isDeeper(tokens, MAX_DEPTH)) return tokens
  } catch {
    // The lexer itself has gone too deep.
  }
  return [{ type: 'paragraph', raw: text, text, tokens: [{ type: 'text', raw: text, text }] }]
}

const isDeeper = (tokens: Token[], levels: number): boolean =>
  levels === 0 ? tokens.length > 0 : tokens.some((token) => isDeeper(partsOf(token), levels - 1))

function partsOf(token: Token): Token[] {
  if (token.type === 'list') return (token as Tokens.List).items.flatMap(({ tokens }) => tokens)
  if (token.type !== 'table') return ('tokens' in token && token.tokens) || []
  const { header, rows } = token as Tokens.Table
  return [...header, ...rows.flat()].flatMap(({ tokens }) => tokens)
}

const blocks = (tokens: Token[]): ComponentChildren => tokens.map(block)

function block(token: Token): ComponentChildren {
  switch (token.type) {
    case 'heading': {
      // Below the headings of the page, so that its outline stays whole.
      const Heading = `h${Math.min(6, (token as Tokens.Heading).depth + 2)}` as 'h3'
      return <Heading>{inlines(token.tokens)}</Heading>
    }
    case 'paragraph':
      return <p>{inlines(token.tokens)}</p>
    case 'blockquote':
      return <blockquote>{blocks(token.tokens ?? [])}</blockquote>
    case 'list':
      return list(token as Tokens.List)
    case 'code':
      return <Code text={token.text} language={(token as Tokens.Code).lang} />
    case 'table':
      return <Table {...(token as Tokens.Table)} />
    case 'hr':
      return <hr />
    case 'space':
      return null
    case 'text':
      return token.tokens ? inlines(token.tokens) : <Plain text={token.text} />
    default:
      return inline(token)
  }
}

function list({ ordered, start, items }: Tokens.List): VNode {
  const entries = items.map((item) => <li>{blocks(item.tokens)}</li>)
  return ordered ? <ol start={start === '' ? undefined : start}>{entries}</ol> : <ul>{entries}</ul>
}

const Code = ({ text, language }: { text: string; language: string | undefined }) => (
  <Wide label={language ? `Code in ${language}` : 'Code'}>
    <pre>
      <code>{text}</code>
    </pre>
  </Wide>
)

const Table = ({ header, rows }: Tokens.Table) => (
  <Wide label="Table">
    <table>
      <thead>
        <tr>
          {header.map(({ tokens }) => (
            <th scope="col">{inlines(tokens)}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((cells) => (
          <tr>
            {cells.map(({ tokens }) => (
              <td>{inlines(tokens)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </Wide>
)

const inlines = (tokens: Token[] | undefined): ComponentChildren => tokens?.map(inline)

function inline(token: Token): ComponentChildren {
  switch (token.type) {
    case 'strong':
      return <strong>{inlines(token.tokens)}</strong>
    case 'em':
      return <em>{inlines(token.tokens)}</em>
    case 'del':
      return <del>{inlines(token.tokens)}</del>
    case 'codespan':
      return <code>{token.text}</code>
    case 'br':
      return <br />
    case 'checkbox':
      return <input type="checkbox" checked={token.checked} disabled aria-label="Done" />
    case 'link':
    case 'image': {
      const words = token.type === 'image' ? token.text || token.href : inlines(token.tokens)
      if (!LINK.test(token.href)) return words
      return (
        <a href={token.href} target="_blank" rel="noopener noreferrer nofollow">
          {words}
        </a>
      )
    }
    case 'text':
    case 'escape':
      return 'tokens' in token && token.tokens ? inlines(token.tokens) : <Plain text={token.text} />
    default:
      // HTML above all: it is shown, not obeyed.
      return token.raw
  }
}

const Plain = ({ text }: { text: string }) => <>{useContext(Words)(text)}</>
