import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/echo.css'
import { render } from 'preact'
import { EchoPage } from './echo-page.js'

render(<EchoPage />, document.getElementById('app') as HTMLElement)
