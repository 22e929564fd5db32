// The replica set of one target, in a process of its own.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('./set-process.mjs', import.meta.url))

/** @param kind whether hello has a topologyVersion (`streams`) or not (`polls`) */
export async function startSet(dist, kind) {
  const child = fork(PROGRAM, [dist, kind], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const exited = once(child, 'exit')
  const answer = async () => {
    const ended = exited.then(([code]) => {
      throw new Error(`the replica set ended with ${code}`)
    })
    const [message] = await Promise.race([once(child, 'message'), ended])
    return message
  }
  const { uri } = await answer()
  const order = async (name) => {
    const answered = answer()
    child.send({ order: name })
    return (await answered).done
  }
  return {
    uri,
    /** @returns {Promise<{from: string, to: string, atMs: number}>} */
    elect: () => order('elect'),
    /** No primary until the next election. */
    stepDown: () => order('stepDown'),
    async stop() {
      // It ends by itself when nobody steers it any more.
      child.disconnect()
      await exited
    },
  }
}
