import assert from 'node:assert/strict';
import { MlsignError } from '../../src/core/index.ts';
import { mlsign } from './cli.ts';
import { type Act, type ActName, FaultActs, type FaultBed, type Files, outcomeOf } from './fault-acts.ts';
import { type HttpFault, INTERNAL_ERROR, SLOW_DOWN } from './http-faults.ts';
import { Sandbox } from './sandbox.ts';

/** What can go wrong with a request. */
const FAULTS = {
  'a reset before the server acted': { kind: 'reset' },
  'a reset after the server acted': { kind: 'reset-after' },
  'no answer': { kind: 'stall' },
  'error 500': INTERNAL_ERROR,
  SlowDown: SLOW_DOWN,
  'a truncated answer': { kind: 'truncated' },
  'a short answer': { kind: 'short' },
  'an error after 200': { kind: 'late-error', code: 'InternalError' },
  'a corrupted answer': { kind: 'corrupt' },
  'a corrupted request': { kind: 'corrupt-request' },
  'a wrong range': { kind: 'wrong-range' },
} as const satisfies Readonly<Record<string, HttpFault>>;
type FaultName = keyof typeof FAULTS;
const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

/** Those that another attempt gets over, whatever was asked. */
const PASSING: readonly FaultName[] = [
  'a reset before the server acted',
  'a reset after the server acted',
  'no answer',
  'error 500',
  'SlowDown',
  'a truncated answer',
];

/** What the faults happen to. */
export interface FaultOptions {
  /** Files of two models. */
  readonly models: readonly [Files, Files];
  /** Bytes a shard; whole files are signed unless given. */
  readonly shardSize?: number;
  readonly acts: readonly ActName[];
  /** Whether every fault meets every request; else each request meets the next one. */
  readonly isExhaustive: boolean;
  /** When the command line is killed. */
  readonly kills: readonly (readonly [ActName, Kill])[];
}

/** Before the server acted, or after it. */
type Kill = 'before' | 'after';

/** What no fault may do to a store: at every request of each act in turn. */
export function describeFaults(name: string, open: () => Promise<FaultBed>, options: FaultOptions): void {
  describe(name, () => {
    const sandbox = new Sandbox();
    let bed: FaultBed;
    let stage: Stage;
    before(async () => {
      bed = await open();
      stage = new Stage(bed, await FaultActs.make(bed, sandbox, options.models, options.shardSize), sandbox.path('state'));
    });
    after(async () => {
      await bed?.close();
      sandbox.remove();
    });

    for (const act of options.acts) {
      const courses = options.isExhaustive ? FAULT_NAMES.map((fault) => [fault, [fault]] as const) : [['a fault', FAULT_NAMES] as const];
      for (const [name, faults] of courses) {
        it(`${act}: ${name}, at every request in turn, ends it at worst`, () =>
          stage.everyRequest(act, faults, 1, (outcome) =>
            assert.ok(outcome === 'done' || outcome instanceof MlsignError, String(outcome)),
          ));
      }
      it(`${act}: a fault that passes, at every request in turn, is got over`, () =>
        stage.everyRequest(act, PASSING, 4, (outcome) => assert.equal(outcome, 'done')));
    }
    for (const [act, kill] of options.kills) {
      it(`${act}: killed at every request in turn, ${kill} the server acted`, () => stage.killed(act, kill));
    }
  });
}

/** Spoils requests one after the other, and sees what became of it. */
class Stage {
  readonly #bed: FaultBed;
  readonly #acts: FaultActs;
  readonly #state: string;
  #turn = 0;

  constructor(bed: FaultBed, acts: FaultActs, state: string) {
    this.#bed = bed;
    this.#acts = acts;
    this.#state = state;
  }

  /** Prepares an act anew for each of its requests, spoils that one, and sees what became of it and of the next run. */
  async everyRequest(name: ActName, faults: readonly FaultName[], attempts: number, judge: (outcome: unknown) => void): Promise<void> {
    const prepare = this.#acts.prepare[name];
    const faulty = await this.#bed.connect(attempts);
    try {
      const dry = await prepare();
      this.#bed.proxy.heal();
      await dry.run(faulty);
      const count = this.#bed.proxy.requests.length;
      await dry.finish();
      assert.ok(count > 0, 'there is no request');
      for (let number = 1; number <= count; number++) {
        const act = await prepare();
        this.#bed.proxy.heal();
        const fault = faults[this.#turn++ % faults.length] ?? 'no answer';
        this.#bed.proxy.fail(number, FAULTS[fault]);
        const outcome = await outcomeOf(act.run(faulty));
        this.#bed.proxy.heal();
        await inContext(`${fault} at request ${number} of ${count}`, async () => {
          judge(outcome);
          await act.check();
          await act.run(faulty);
          await act.finish();
        });
      }
    } finally {
      await faulty.close();
    }
  }

  /** The same on the command line, killed at each request: before the server has acted, or after. */
  async killed(name: ActName, when: Kill): Promise<void> {
    const prepare = this.#acts.prepare[name];
    const dry = await prepare();
    this.#bed.proxy.heal();
    await this.#command(dry);
    const count = this.#bed.proxy.requests.length;
    await dry.finish();
    for (let number = 1; number <= count; number++) {
      const act = await prepare();
      let pid: number | undefined;
      const onStart = (started: number): void => {
        pid = started;
      };
      const kill = (): void => {
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
      };
      this.#bed.proxy.heal();
      this.#bed.proxy.fail(number, { kind: when === 'before' ? 'reset' : 'reset-after', onFault: kill });
      const { signal } = await mlsign(act.args, { env: this.#variables(), onStart });
      const seen = this.#bed.proxy.requests.length;
      this.#bed.proxy.heal();
      await inContext(`request ${number} of ${count}`, async () => {
        // How many requests a resumed push needs depends on where it was left.
        assert.ok(signal === 'SIGKILL' || seen < number);
        await act.check();
        await this.#command(act);
        await act.finish();
      });
    }
  }

  async #command({ args }: Act): Promise<void> {
    const { code, stderr } = await mlsign(args, { env: this.#variables() });
    assert.equal(code, 0, stderr);
  }

  #variables(): Readonly<Record<string, string>> {
    return { ...this.#bed.variables, XDG_STATE_HOME: this.#state };
  }
}

/** Says where it was when something does not hold. */
async function inContext(where: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error) error.message = `${where}: ${error.message}`;
    throw error;
  }
}
