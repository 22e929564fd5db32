// The live page in a browser, and what must hold of it wherever it stands.
import { chromium } from 'playwright-core'
import { tool } from './tools.mjs'

export async function startBrowser(t) {
  // No sandbox: containers give it no user namespaces, and it opens our own page alone.
  const browser = await chromium.launch({ executablePath: tool('chromium').path, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  return browser
}

/**
 * A page that writes down everything that must not happen.
 * @param {import('playwright-core').Browser} browser
 */
export async function openPage(t, browser, url, { width = 1_280, height = 900, scheme = 'light' } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: 'reduce',
  })
  t.teardown(() => context.close())
  const page = await context.newPage()
  const wrong = []
  const { origin } = new URL(url)
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && wrong.push(message.text()))
  page.on('pageerror', (error) => wrong.push(String(error.stack)))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) wrong.push(`foreign request: ${request.url()}`)
  })
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) =>
      console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`),
    )
    const { parse } = JSON
    globalThis.framesSeen = 0
    JSON.parse = (text, ...rest) => {
      globalThis.framesSeen++
      return parse(text, ...rest)
    }
  })
  await page.goto(url)
  return { page, wrong }
}

/** Frames of the event stream taken so far. */
export const framesSeen = (page) => page.evaluate(() => globalThis.framesSeen)

export const nextFrames = async (page, count) => {
  const before = await framesSeen(page)
  await page.waitForFunction((wanted) => globalThis.framesSeen >= wanted, before + count, { timeout: 15_000 })
}

/** @returns what does not hold of what is shown: names, landmarks, headings, tables, contrast, width */
export function faultsOf(page) {
  return page.evaluate(() => {
    const faults = []
    const fault = (what, node) => faults.push(`${what}: ${node.outerHTML.slice(0, 160)}`)
    const isShown = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    const all = (selector) => [...document.querySelectorAll(selector)].filter(isShown)

    const nameOf = (node) =>
      node.getAttribute('aria-label') ||
      (node.getAttribute('aria-labelledby') ?? '')
        .split(' ')
        .map((id) => document.getElementById(id)?.textContent ?? '')
        .join(' ')
        .trim() ||
      [...(node.labels ?? [])].map((label) => label.textContent).join(' ') ||
      node.textContent
    for (const node of all('a, button, input, select, [role], summary')) {
      if ((nameOf(node) ?? '').trim() === '' && node.getAttribute('role') !== 'status') fault('no name', node)
    }
    for (const node of all('a, button, input, select, summary, [tabindex="0"]')) {
      if (node.tabIndex < 0) fault('not reached by keys', node)
    }
    for (const selector of ['h1', 'main', 'header', 'nav[aria-label="Views"]', 'nav [aria-current="page"]', 'h2']) {
      const { length } = document.querySelectorAll(selector)
      if (length !== 1) faults.push(`${length} of ${selector}`)
    }
    let level = 1
    for (const node of document.querySelectorAll('h1, h2, h3, h4')) {
      const next = Number(node.tagName[1])
      if (next > level + 1) fault('a level of headings is left out', node)
      level = next
    }
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id)
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`twice: #${id}`)
    for (const table of all('table')) {
      if ((table.caption?.textContent ?? '') === '') fault('no caption', table)
      if (table.querySelector('thead th:not([scope=col]), tbody tr > :first-child:not(th[scope=row])'))
        fault('no scope', table)
    }
    if (document.documentElement.scrollWidth > innerWidth) {
      faults.push(`${document.documentElement.scrollWidth} wide, and the window ${innerWidth}`)
    }

    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
    const rgba = (text) => {
      canvas.clearRect(0, 0, 1, 1)
      canvas.fillStyle = text
      canvas.fillRect(0, 0, 1, 1)
      return canvas.getImageData(0, 0, 1, 1).data
    }
    const luminance = ([r, g, b]) => {
      const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4)
      return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }
    const behind = (node) => {
      for (let at = node; at !== null; at = at.parentElement) {
        const colour = rgba(getComputedStyle(at).backgroundColor)
        if (colour[3] === 255) return colour
      }
      return [255, 255, 255, 255]
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const seen = new Set()
    while (texts.nextNode()) {
      const node = texts.currentNode.parentElement
      if (texts.currentNode.nodeValue.trim() === '' || seen.has(node) || !isShown(node)) continue
      seen.add(node)
      const [light, dark] = [luminance(rgba(getComputedStyle(node).color)), luminance(behind(node))].sort(
        (a, b) => b - a,
      )
      const ratio = (light + 0.05) / (dark + 0.05)
      if (ratio < 4.5) fault(`contrast ${ratio.toFixed(2)}`, node)
    }
    return [...new Set(faults)]
  })
}
