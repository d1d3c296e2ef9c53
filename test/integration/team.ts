import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type Bench, ended } from './bench.ts';
import type { Ended } from './clients.ts';
import type { Bucket } from './stores.ts';

/** A file that takes several parts, at any size of parts. */
const BIG = 24 * 1024 * 1024;

/** Who makes models and who releases them, with the policy that says so, at work on one bucket. */
export class Team {
  readonly bench: Bench;
  readonly bucket: Bucket;
  readonly trainer: { readonly key: string; readonly publicKey: string };
  readonly releaser: { readonly key: string; readonly publicKey: string };
  readonly policy: string;

  private constructor(bench: Bench, bucket: Bucket, keys: Pick<Team, 'trainer' | 'releaser'>, policy: string) {
    this.bench = bench;
    this.bucket = bucket;
    this.trainer = keys.trainer;
    this.releaser = keys.releaser;
    this.policy = policy;
  }

  static async gather(bench: Bench, bucket: Bucket, rule: Readonly<Record<string, unknown>> = {}): Promise<Team> {
    const trainer = await bench.keyPair('ec-p256');
    const releaser = await bench.keyPair('ec-p256');
    const policy = await bench.json('policy.yaml', {
      version: 1,
      principals: { trainer: { key: trainer.publicKey }, releaser: { key: releaser.publicKey } },
      rules: [
        {
          model: '**',
          'signed-by': 'trainer',
          'released-by': 'trainer',
          channels: { production: { 'signed-by': 'releaser' } },
          ...rule,
        },
      ],
    });
    return new Team(bench, bucket, { trainer, releaser }, policy);
  }

  /** A signed model: some small files, one of no bytes and, if asked for, one of several parts. */
  async model(options: { readonly big?: boolean } = {}): Promise<string> {
    const path = this.bench.fresh('model');
    const files: Readonly<Record<string, Uint8Array>> = {
      'config.json': Buffer.from(`{"made":"${randomBytes(8).toString('hex')}"}`),
      'empty.txt': Buffer.alloc(0),
      'tokenizer/vocab + 100%.txt': randomBytes(3000),
      'tokenizer/größe.bin': randomBytes(70_000),
      ...(options.big ? { 'model.safetensors': randomBytes(BIG) } : {}),
    };
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), content);
    }
    ended(0, await this.run(['sign', path, '--key', this.trainer.key]));
    return path;
  }

  /** Runs mlsign as it is typed; what it remembers of channels lies in the bench unless `--state` says otherwise. */
  run(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return this.bucket.mlsign(args, { XDG_STATE_HOME: join(this.bench.folder, 'state'), ...variables });
  }

  push(model: string, name: string, ...args: readonly string[]): Promise<Ended> {
    return this.run(['push', model, this.bucket.url(name), '--policy', this.policy, '--key', this.trainer.key, '--json', ...args]);
  }

  promote(reference: string, ...args: readonly string[]): Promise<Ended> {
    const signed = ['--policy', this.policy, '--key', this.releaser.key, '--channel', 'production'];
    return this.run(['promote', this.bucket.url(reference), ...signed, '--expires', '30d', '--json', ...args]);
  }

  verify(reference: string, ...args: readonly string[]): Promise<Ended> {
    return this.run(['verify', this.bucket.url(reference), '--policy', this.policy, '--json', ...args]);
  }

  pull(reference: string, folder: string, ...args: readonly string[]): Promise<Ended> {
    return this.run(['pull', this.bucket.url(reference), folder, '--policy', this.policy, '--json', ...args]);
  }

  rollback(name: string, ...args: readonly string[]): Promise<Ended> {
    const signed = ['--policy', this.policy, '--key', this.releaser.key, '--channel', 'production'];
    return this.run(['rollback', this.bucket.url(name), ...signed, '--json', ...args]);
  }
}

/** What a push said in JSON. */
export function pushed({ stdout }: Ended): { readonly modelId: string; readonly number: number; readonly outcome: string } {
  const { model_id: modelId, release, outcome } = JSON.parse(stdout);
  return { modelId, number: release.number, outcome };
}

/** Every file below a folder and its bytes, by its name with `/`. */
export async function filesBelow(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found.set(relative(folder, path).split('\\').join('/'), await readFile(path));
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
