import { refused } from '../core/index.ts';
import { isWithin, type Service, type ServiceSelector, type SigningConfig } from '../formats/index.ts';

/** The services that one signature uses. */
export interface SigstoreServices {
  readonly fulcioUrl: string;
  /** The OpenID Connect issuer for people; undefined where the instance has none. */
  readonly issuerUrl: string | undefined;
  readonly logs: readonly { readonly url: string; readonly majorVersion: 1 | 2 }[];
  readonly timestampUrls: readonly string[];
}

/** What is made a choice for, and what mlsign speaks. */
interface Kind {
  readonly name: string;
  readonly versions: readonly number[];
}

const FULCIO: Kind = { name: 'Fulcio', versions: [1] };
const ISSUER: Kind = { name: 'OpenID Connect issuer', versions: [1] };
const REKOR: Kind = { name: 'transparency log', versions: [1, 2] };
const AUTHORITY: Kind = { name: 'timestamp authority', versions: [1] };

/**
 * Chooses services as the SigningConfig v0.2 asks: valid now, of the highest version that is spoken, the newest first, one an
 * operator, as many as the selector says.
 *
 * @param where names the configuration in errors
 * @throws MlsignError `signing-config-lacks-service`
 */
export function chooseServices(config: SigningConfig, now: Date, where: string): SigstoreServices {
  const [fulcio] = choose(config.caUrls, { kind: 'any' }, FULCIO, now, where);
  if (fulcio === undefined) throw lacking(FULCIO, 1, config.caUrls, now, where);
  const [issuer] = candidates(config.oidcUrls, ISSUER, now);
  return {
    fulcioUrl: fulcio.url,
    issuerUrl: issuer?.url,
    logs: choose(config.rekorTlogUrls, config.rekorTlogConfig, REKOR, now, where).map(({ url, majorApiVersion }) => ({
      url,
      majorVersion: majorApiVersion === 2 ? 2 : 1,
    })),
    timestampUrls: choose(config.tsaUrls, config.tsaConfig, AUTHORITY, now, where).map(({ url }) => url),
  };
}

/** Without a selector the instance asks for none of the kind. */
function choose(
  services: readonly Service[],
  selector: ServiceSelector | undefined,
  kind: Kind,
  now: Date,
  where: string,
): readonly Service[] {
  const found = candidates(services, kind, now);
  switch (selector?.kind) {
    case undefined:
      return [];
    case 'all':
      if (found.length === 0) throw lacking(kind, 1, services, now, where);
      return found;
    case 'any':
      if (found.length === 0) throw lacking(kind, 1, services, now, where);
      return found.slice(0, 1);
    case 'exact':
      if (found.length < selector.count) throw lacking(kind, selector.count, services, now, where);
      return found.slice(0, selector.count);
  }
}

/** The services that may be used, the best first: one an operator, all of the highest version that there is. */
function candidates(services: readonly Service[], { versions }: Kind, now: Date): readonly Service[] {
  const usable = services.filter(({ majorApiVersion, validFor }) => versions.includes(majorApiVersion) && isWithin(validFor, now));
  const highest = Math.max(...usable.map(({ majorApiVersion }) => majorApiVersion));
  const newest = usable.filter(({ majorApiVersion }) => majorApiVersion === highest).sort((a, b) => startOf(b) - startOf(a));
  return newest.filter(({ operator }, i) => newest.findIndex((other) => other.operator === operator) === i);
}

function startOf({ validFor }: Service): number {
  return validFor.start?.getTime() ?? Number.NEGATIVE_INFINITY;
}

function lacking(kind: Kind, count: number, services: readonly Service[], now: Date, where: string): Error {
  const listed =
    services.length === 0 ? 'none is listed' : `${services.length} listed, ${candidates(services, kind, now).length} of them usable`;
  return refused('signing-config-lacks-service', `the signing configuration has too few services of one kind: ${kind.name}`, {
    subject: where,
    expected: `${count === 1 ? 'one' : `${count}, each of another operator`}, valid at ${now.toISOString()}, API version ${kind.versions.join(' or ')}`,
    got: listed,
  });
}
