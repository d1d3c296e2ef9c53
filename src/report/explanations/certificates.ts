import type { Topic } from '../explain.ts';

export const certificates: Topic = {
  title: 'Certificates',
  codes: {
    'ca-not-root': {
      outcomes: ['rejected'],
      means: 'A trusted certificate authority is not a root.',
      why: 'The file holds an intermediate certificate, which is not self-signed.',
      todo: "Give the root with --ca, and the intermediate in the signer's chain.",
    },
    'certificate-chain-order': {
      outcomes: ['refused'],
      means: 'The certificates of a chain do not follow one another.',
      why: "--chain wants them from the leaf's issuer to the root, each issued by the next.",
      todo: 'Put them in order.',
    },
    'certificate-critical-extension': {
      outcomes: ['rejected'],
      means: 'A certificate has a critical extension that mlsign does not process.',
      why: 'RFC 5280 demands that such a certificate is refused.',
      todo: 'Use a certificate without it.',
    },
    'certificate-expired': {
      outcomes: ['rejected', 'refused'],
      means: 'A certificate was not valid any more when it counts.',
      why: 'That is the proven time of the signature, or now where no time is proven.',
      todo: 'Sign with a certificate that is valid. With a trusted timestamp a signature outlives its certificate.',
    },
    'certificate-key-mismatch': {
      outcomes: ['refused'],
      means: 'The certificate is for another key than the one that signs.',
      why: '--cert and the key do not belong together, or the file begins with another certificate.',
      todo: 'Give the certificate of this key, first in its file.',
    },
    'certificate-malformed': {
      outcomes: ['rejected', 'refused', 'unavailable'],
      means: 'A certificate cannot be read, or is not as RFC 5280 demands.',
      why: 'It was damaged, or issued by faulty software.',
      todo: 'Have it issued again.',
    },
    'certificate-name-constraint': {
      outcomes: ['rejected'],
      means: 'A certificate has a name that its issuers may not certify.',
      why: 'An authority above it is limited to other names.',
      todo: 'Use a certificate of an authority that may issue it.',
    },
    'certificate-not-ca': {
      outcomes: ['rejected'],
      means: 'A certificate issued another, and is not that of an authority.',
      why: 'Basic constraints do not say CA:TRUE.',
      todo: 'Use a chain of real authorities.',
    },
    'certificate-not-yet-valid': {
      outcomes: ['rejected', 'refused'],
      means: 'A certificate was not valid yet when it counts.',
      why: 'The signature is proven to be older, or a clock is wrong.',
      todo: 'Compare the clocks; use a certificate that is valid.',
    },
    'certificate-path-length': {
      outcomes: ['rejected'],
      means: 'A certificate stands below more authorities than one of them allows.',
      why: 'A path length constraint is exceeded.',
      todo: 'Use a certificate from higher up.',
    },
    'certificate-policy': {
      outcomes: ['rejected'],
      means: 'A certificate has none of the certificate policies that its issuers demand.',
      why: 'An authority above requires an explicit policy.',
      todo: 'Have it issued with such a policy.',
    },
    'certificate-signature': {
      outcomes: ['rejected'],
      means: 'A certificate is not signed by the issuer that it names.',
      why: 'It was changed, or another authority has the same name.',
      todo: 'Get the chain again from the authority.',
    },
    'certificate-untrusted': {
      outcomes: ['rejected'],
      means: 'A certificate does not lead to a trusted root.',
      why: 'Its root is not trusted here, or an intermediate certificate is missing.',
      todo: 'If it should be trusted, give its root with --ca; have the bundle signed with the whole --chain.',
    },
    'certificate-usage': {
      outcomes: ['rejected'],
      means: 'A certificate may not be used for signing like this.',
      why: 'Its key usage or extended key usage says otherwise.',
      todo: 'Have one issued for digital signatures and code signing.',
    },
    'certificate-weak': {
      outcomes: ['rejected'],
      means: 'A certificate has a key or a signature that is too weak.',
      why: 'Accepted are EC P-256, P-384 and P-521, RSA of 2048 bits or more, Ed25519 and ML-DSA.',
      todo: 'Have it issued with a stronger key.',
    },
    'trusted-certificate-expired': {
      outcomes: ['rejected'],
      means: 'The certificate that is trusted for this signature has expired.',
      why: 'A certificate given with --trust-key pins its key, and its validity still applies.',
      todo: "Trust the signer's present certificate, or its public key.",
    },
    'trusted-certificate-not-yet-valid': {
      outcomes: ['rejected'],
      means: 'The certificate that is trusted for this signature is not valid yet.',
      why: 'A certificate given with --trust-key pins its key, and its validity still applies.',
      todo: 'Check the clock, or wait until it is valid.',
    },
  },
};
