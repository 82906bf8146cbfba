/** Goes round and round over many things, some of them each time. They may come and go meanwhile. */
export class Round<T> {
  #place: Iterator<T> | undefined;

  /**
   * The next few; fewer when the round ends.
   * @param begin gives all of them, for a new round
   */
  next(begin: () => Iterable<T>, count: number): T[] {
    // All of them cannot be had from the midst of a round.
    if (count === Number.POSITIVE_INFINITY) this.#place = undefined;
    this.#place ??= begin()[Symbol.iterator]();
    const found: T[] = [];
    while (found.length < count) {
      const { done, value } = this.#place.next();
      if (done === true) {
        this.#place = undefined;
        break;
      }
      found.push(value);
    }
    return found;
  }
}
