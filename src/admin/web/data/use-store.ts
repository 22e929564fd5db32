import { createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import type { HistoryReport } from '../../../core/reports.js'
import { fetchHistory, type State, type Store } from './store.js'

export const StoreContext = createContext<Store | undefined>(undefined)

export function useStore(): Store {
  const store = useContext(StoreContext)
  if (store === undefined) throw new Error('Nothing is shown outside of the store')
  return store
}

export function useStoreState(store: Store): State {
  const [state, setState] = useState(store.state)
  useEffect(() => store.subscribe(() => setState(store.state)), [store])
  return state
}

const PART_STEP_MS = 30_000

/** The history of a collection or of a command, asked for again as its steps end. @param query '' asks for none */
export function usePartHistory(query: string): HistoryReport | undefined {
  const store = useStore()
  const [known, setKnown] = useState<{ query: string; history: HistoryReport } | undefined>(undefined)
  useEffect(() => {
    if (query === '') return undefined
    const leaving = new AbortController()
    const ask = async () => {
      const history = await fetchHistory(query, leaving.signal)
      if (history !== undefined) setKnown({ query, history })
    }
    void ask()
    const timer = setInterval(() => {
      if (store.state.link.kind === 'live' && !document.hidden) void ask()
    }, PART_STEP_MS / 3)
    return () => {
      leaving.abort()
      clearInterval(timer)
    }
  }, [store, query])
  return known?.query === query ? known.history : undefined
}
