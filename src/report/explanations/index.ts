import type { Topic } from '../explain.ts';
import { archives } from './archives.ts';
import { attesting } from './attesting.ts';
import { aws } from './aws.ts';
import { certificates } from './certificates.ts';
import { channels } from './channels.ts';
import { content } from './content.ts';
import { evidence } from './evidence.ts';
import { formats } from './formats.ts';
import { general } from './general.ts';
import { identity } from './identity.ts';
import { keys } from './keys.ts';
import { lineage } from './lineage.ts';
import { policy } from './policy.ts';
import { pulling } from './pulling.ts';
import { releases } from './releases.ts';
import { revocations } from './revocations.ts';
import { signatures } from './signatures.ts';
import { store } from './store.ts';
import { summaries } from './summaries.ts';

/** Every code that a finding or an error may have, by topic, in the order in which people read them. */
export const TOPICS: readonly Topic[] = [
  content,
  formats,
  archives,
  signatures,
  certificates,
  evidence,
  keys,
  aws,
  identity,
  store,
  pulling,
  releases,
  channels,
  lineage,
  attesting,
  revocations,
  summaries,
  policy,
  general,
];
