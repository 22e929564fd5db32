// The live page. Names come from whoever speaks to the database: every text is a text node, never markup.

import { render } from 'preact'
import { App } from './app.js'
import { Store } from './data/store.js'
import { applyTheme, storedTheme } from './data/theme.js'

applyTheme(storedTheme())
const store = new Store()
const root = document.getElementById('page')
if (root === null) throw new Error('the page has no #page')
render(<App store={store} />, root)
store.start()
