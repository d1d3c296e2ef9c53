import type { Topic } from '../explain.ts';

export const keys: Topic = {
  title: 'Keys and passphrases',
  codes: {
    'key-is-private': {
      outcomes: ['refused'],
      means: 'A private key was given where a public one belongs.',
      why: 'Verifying needs the public half only, and a private key should be in few hands.',
      todo: 'Give the public key (KEY.pub), or make it: openssl pkey -in KEY -pubout.',
    },
    'key-is-public': {
      outcomes: ['refused'],
      means: 'A public key or a certificate was given where the private key belongs.',
      why: 'Signing needs the private half.',
      todo: 'Give the private key.',
    },
    'key-malformed': {
      outcomes: ['refused', 'rejected'],
      means: 'A key cannot be read.',
      why: 'The file was damaged, or holds something else.',
      todo: 'Get it again from its owner.',
    },
    'key-retired': {
      outcomes: ['rejected'],
      means: 'The trusted key is retired.',
      why: 'The policy trusts it only for signatures that are proven to be older than its end.',
      todo: 'Have the model signed with a present key; an old signature counts with a trusted timestamp.',
    },
    'key-unsupported': {
      outcomes: ['refused', 'usage', 'rejected'],
      means: 'A key of this kind is not accepted.',
      why: 'Accepted are EC P-256, P-384 and P-521, RSA of 2048 bits or more, Ed25519 and ML-DSA.',
      todo: 'Use another key: mlsign keygen makes one.',
    },
    'ml-dsa-unavailable': {
      outcomes: ['unavailable'],
      means: 'This Node has no ML-DSA.',
      why: 'It needs Node 24.7 or later.',
      todo: 'Use such a Node, or a key of another kind.',
    },
    'passphrase-differs': {
      outcomes: ['usage'],
      means: 'The two passphrases are not the same.',
      why: 'One of them was mistyped.',
      todo: 'Run the command again.',
    },
    'passphrase-file-malformed': {
      outcomes: ['refused'],
      means: 'The passphrase file does not hold one line of text.',
      why: 'It is empty, has more lines, or is not UTF-8.',
      todo: 'Write the passphrase into it, and nothing else.',
    },
    'passphrase-needed': {
      outcomes: ['unavailable'],
      means: 'The private key is encrypted, and there is no passphrase.',
      why: 'None is set, and nobody can be asked.',
      todo: 'Set MLSIGN_KEY_PASSPHRASE, or give --passphrase-file.',
    },
    'passphrase-wrong': {
      outcomes: ['refused'],
      means: 'The passphrase does not open the private key.',
      why: 'It is that of another key, or has a typing error.',
      todo: 'Check MLSIGN_KEY_PASSPHRASE or --passphrase-file.',
    },
    'path-missing': {
      outcomes: ['usage'],
      means: 'The path of the new key is empty.',
      why: 'A variable on the command line is probably not set.',
      todo: 'Give the path of the private key.',
    },
    'pem-malformed': {
      outcomes: ['refused'],
      means: 'The file is not PEM.',
      why: 'It is another file, or of another form such as DER.',
      todo: 'Check that it is the right file; convert it with openssl.',
    },
    'pem-too-large': {
      outcomes: ['refused'],
      means: 'The PEM file is larger than mlsign reads.',
      why: 'It is not a key, or holds very many certificates.',
      todo: 'Check that it is the right file.',
    },
    'public-key-count': {
      outcomes: ['usage'],
      means: 'There are not as many --public-key as --kms.',
      why: 'Each pins one key, in the same order.',
      todo: 'Give one for each, or none.',
    },
    'scheme-mismatch': {
      outcomes: ['refused', 'usage'],
      means: 'The scheme that is named does not go with this key.',
      why: 'An RSA scheme was named for an EC key, or the like.',
      todo: 'Leave the scheme out, or name one that the message lists.',
    },
  },
};
