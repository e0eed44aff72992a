/** A page of LMDB's file is not what it must be. */
export class LmdbDamage extends Error {
  override readonly name = 'LmdbDamage'
  readonly page: number

  constructor(page: number, what: string) {
    super(`page ${page} ${what}`)
    this.page = page
  }
}
