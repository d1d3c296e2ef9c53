import { fileError, MlsignError, systemErrorCode, unavailable } from '../core/index.ts';
import { underLock } from '../store/index.ts';
import { clearStaging, makeStaging, type PullTarget } from './pull-target.ts';

/** Of two that fill one directory, one is told so soon. */
const LOCK_TIMES = { wait: 2000, silent: 20_000, beat: 4000 };
/** How often the staging folder may be cleared away by another that ends. */
const ATTEMPTS = 5;

/**
 * Stages a model and does the rest of the work while nobody else fills the same directory. What it has staged stays for the next
 * time.
 *
 * @throws MlsignError `pull-in-progress`, and what the work throws
 */
export async function stageAlone<T>(target: PullTarget, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const { staging, directory } = target;
  let hasBegun = false;
  const begin = async (): Promise<T> => {
    hasBegun = true;
    return work();
  };
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await makeStaging(target);
        return await underLock(staging, signal, begin, LOCK_TIMES);
      } catch (error) {
        if (hasBegun || systemErrorCode(error) !== 'ENOENT' || attempt === ATTEMPTS) throw error;
      }
    }
  } catch (error) {
    if (!(error instanceof MlsignError) || error.code !== 'store-locked') throw fileError(error, 'stage the model', staging);
    throw unavailable('pull-in-progress', 'something else is filling this directory: another pull or unpack', {
      subject: directory,
      got: error.got,
      suggestions: ['wait until it is done', ...error.suggestions.slice(1)],
    });
  } finally {
    await clearStaging(target, false);
  }
}
