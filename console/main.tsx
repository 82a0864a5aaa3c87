import { render } from 'preact'
import { App } from './app.tsx'
import './ui/theme.ts'
import './styles/tokens.css'
import './styles/base.css'
import './styles/parts.css'
import './styles/shell.css'

render(<App />, document.getElementById('app')!)
