import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/parts.css'
import '../styles/shell.css'
import '../styles/panels.css'
import '../styles/transcript.css'
import '../styles/lines.css'
import '../styles/composer.css'
import '../styles/welcome.css'
import { render } from 'preact'
import { App } from './app.js'

render(<App />, document.getElementById('app') as HTMLElement)
