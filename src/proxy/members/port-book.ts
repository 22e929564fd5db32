/** Ports that a range has, both ends included. Port 0: any free port for each member. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

export interface PortBookOptions {
  /** By normalised name; these ports are never given to another. */
  readonly fixed: ReadonlyMap<string, number>
  readonly range: PortRange | undefined
  /** What an earlier run gave out, oldest first. */
  readonly remembered: ReadonlyMap<string, number>
}

/**
 * Which port leads to which member: by the config's word, else from the range by first appearance. A name keeps its port for
 * ever; one that left is followed by another only when no port is left that nobody ever had, for clients may still dial it.
 */
export class PortBook {
  readonly #fixed: ReadonlyMap<string, number>
  readonly #range: PortRange | undefined
  /** In the order of their last use. */
  readonly #given = new Map<string, number>()

  constructor({ fixed, range, remembered }: PortBookOptions) {
    this.#fixed = fixed
    this.#range = range
    for (const [name, port] of remembered) if (this.#isInRange(port) && !fixed.has(name)) this.#remember(name, port)
  }

  /** What a later run should remember. */
  get given(): ReadonlyMap<string, number> {
    return this.#given
  }

  /**
   * @param inUse names whose ports can't be taken
   * @returns undefined when the config names no port for this member and the range has none left
   */
  portOf(name: string, inUse: ReadonlySet<string>): number | undefined {
    const fixed = this.#fixed.get(name)
    if (fixed !== undefined) return fixed
    if (this.#range === undefined) return undefined
    if (this.#range.first === 0) return 0
    const port = this.#given.get(name) ?? this.#unused() ?? this.#abandoned(inUse)
    if (port === undefined) return undefined
    this.#given.delete(name)
    this.#given.set(name, port)
    return port
  }

  /** The config may have given a port away since; and a file that was edited may name one twice. */
  #remember(name: string, port: number): void {
    if ([...this.#fixed.values()].includes(port)) return
    for (const [other, taken] of this.#given) if (taken === port) this.#given.delete(other)
    this.#given.set(name, port)
  }

  #unused(): number | undefined {
    const { first, last } = this.#range ?? { first: 1, last: 0 }
    const taken = new Set([...this.#given.values(), ...this.#fixed.values()])
    for (let port = first; port <= last; port++) if (!taken.has(port)) return port
    return undefined
  }

  /** The port that is out of use for longest; its name is forgotten. */
  #abandoned(inUse: ReadonlySet<string>): number | undefined {
    for (const [name, port] of this.#given) {
      if (inUse.has(name)) continue
      this.#given.delete(name)
      return port
    }
    return undefined
  }

  #isInRange(port: number): boolean {
    return this.#range !== undefined && port >= this.#range.first && port <= this.#range.last
  }
}
