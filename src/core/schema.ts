/** A schema library's parser, by its shape: core knows no library. Throws or returns the parsed, defaulted value. */
export interface Schema<C> {
  parse(value: unknown): C
}
