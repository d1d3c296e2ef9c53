/** When a fault happens: at so many requests of those that are meant, after the first so many. */
export interface FaultTimes {
  readonly times?: number;
  readonly after?: number;
}

/** Which requests meet which fault. */
export class FaultPlan<Request, Fault> {
  readonly #planned: { readonly isMeant: (request: Request) => boolean; readonly fault: Fault; times: number; after: number }[] = [];

  add(isMeant: (request: Request) => boolean, fault: Fault, { times = Number.POSITIVE_INFINITY, after = 0 }: FaultTimes = {}): void {
    this.#planned.push({ isMeant, fault, times, after });
  }

  /** The fault that a request meets. */
  take(request: Request): Fault | undefined {
    for (const planned of this.#planned) {
      if (planned.times === 0 || !planned.isMeant(request)) continue;
      if (planned.after-- > 0) continue;
      planned.times--;
      return planned.fault;
    }
    return undefined;
  }

  clear(): void {
    this.#planned.length = 0;
  }
}
