import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/page.css'
import '../styles/docs.css'
import { render } from 'preact'
import { DocsPage } from './docs-page.js'

render(<DocsPage />, document.getElementById('app') as HTMLElement)
