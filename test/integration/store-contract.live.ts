import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describeStore, type StoreTarget } from '../helpers/store-suite.ts';
import { useRoot } from './environment.ts';
import { Bucket, S3_SERVERS } from './stores.ts';

/** Of the parts that S3Store sends. */
const PART_SIZE = 16 * 1024 * 1024;

describe('the contract of a store', () => {
  useRoot();
  for (const server of S3_SERVERS) {
    const open = async (): Promise<StoreTarget> => {
      const bucket = await Bucket.make(server);
      const { name, client } = bucket;
      return {
        open: () => bucket.store(),
        prefix: 'contract/',
        partSize: PART_SIZE,
        overwrite: async (key, data) => void (await client.send(new PutObjectCommand({ Bucket: name, Key: key, Body: data }))),
        delete: async (key) => void (await client.send(new DeleteObjectCommand({ Bucket: name, Key: key }))),
        close: async () => client.destroy(),
      };
    };
    describeStore(server, open, server === 'versitygw' ? { noWriteOverMarker: 'If-None-Match and If-Match see a delete marker' } : {});
  }
});
