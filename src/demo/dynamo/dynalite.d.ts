/** It has no types of its own; these are the parts that the demo needs. */
declare module 'dynalite' {
  import type { Server } from 'node:http'

  function dynalite(options: {
    readonly createTableMs?: number
    readonly deleteTableMs?: number
    readonly updateTableMs?: number
  }): Server

  export = dynalite
}
