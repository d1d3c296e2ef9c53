export { DerError, type DerValue, objectIdentifier, readDer, sequenceItems, smallInteger, TAG } from '../formats/index.ts';
