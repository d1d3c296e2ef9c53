import { EKU, makeChain, type TestChain } from './certificates.ts';

/** A certificate for servers of this machine, valid now: for the loopback address, and for names. */
export function loopbackTls(...dns: readonly string[]): TestChain {
  const valid = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 3_600_000) };
  const subjectAlternativeNames = { ip: [Buffer.of(127, 0, 0, 1)], ...(dns.length === 0 ? {} : { dns }) };
  return makeChain({ root: valid, leaf: { ...valid, subjectAlternativeNames, extendedKeyUsage: [EKU.serverAuth] } });
}
