/** How much was asked of the service, since the start or the last reset. Also what a fault answered counts. */
export class Stats {
  readonly #byRoute = new Map<string, number>();
  #bytes = 0;

  /**
   * @param route method and path of the route, with its named parts in braces
   * @param bytes the size of the body as the request tells it
   */
  count(route: string, bytes: number): void {
    this.#byRoute.set(route, (this.#byRoute.get(route) ?? 0) + 1);
    this.#bytes += bytes;
  }

  reset(): void {
    this.#byRoute.clear();
    this.#bytes = 0;
  }

  toJSON() {
    const total = [...this.#byRoute.values()].reduce((sum, amount) => sum + amount, 0);
    return { requests: { total, byRoute: Object.fromEntries(this.#byRoute) }, bytesReceived: this.#bytes };
  }
}
