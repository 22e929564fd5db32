// Dark, light, or as the system has it; remembered in this browser alone.

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'oplens-theme'
const THEMES: readonly Theme[] = ['system', 'light', 'dark']

export function storedTheme(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? 'system'
  } catch {
    // Storage is forbidden: then it is not remembered.
    return 'system'
  }
}

export function applyTheme(theme: Theme): void {
  if (theme === 'system') document.documentElement.removeAttribute('data-theme')
  else document.documentElement.setAttribute('data-theme', theme)
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // As above.
  }
  dispatchEvent(new Event(THEME_CHANGED))
}

export const nextTheme = (theme: Theme): Theme => THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system'

/** Canvases are drawn in colours, not in names of colours: they must be drawn again. */
export const THEME_CHANGED = 'oplens-theme-changed'

export function onThemeChange(run: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  addEventListener(THEME_CHANGED, run)
  system.addEventListener('change', run)
  return () => {
    removeEventListener(THEME_CHANGED, run)
    system.removeEventListener('change', run)
  }
}

let probe: HTMLElement | undefined

/** A colour of the style sheet as a canvas takes it. @param name like `--accent` */
export function colour(name: string): string {
  if (probe === undefined) {
    probe = document.createElement('span')
    probe.hidden = true
    document.body.append(probe)
  }
  probe.style.color = `var(${name})`
  return getComputedStyle(probe).color
}
