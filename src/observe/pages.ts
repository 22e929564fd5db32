/** Where one series keeps its numbers: `width` values of `values` from `base` on. */
export interface Row {
  readonly values: Float64Array
  readonly base: number
}

/**
 * Rows of numbers in large typed arrays. Pages never move, so a series keeps its page and adds without a lookup; and what a
 * process counted is a list of arrays that can be sent and summed.
 */
export class Pages {
  readonly width: number
  readonly #rowsPerPage: number
  #page: Float64Array
  #used = 0

  constructor(width: number, rowsPerPage = 64) {
    this.width = width
    this.#rowsPerPage = rowsPerPage
    this.#page = new Float64Array(width * rowsPerPage)
  }

  allocate(): Row {
    if (this.#used === this.#rowsPerPage) {
      this.#page = new Float64Array(this.width * this.#rowsPerPage)
      this.#used = 0
    }
    return { values: this.#page, base: this.#used++ * this.width }
  }
}
