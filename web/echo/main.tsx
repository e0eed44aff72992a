import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/parts.css'
import '../styles/echo.css'
import '../styles/log.css'
import { render } from 'preact'
import { EchoPage } from './echo-page.js'

render(<EchoPage />, document.getElementById('app') as HTMLElement)
