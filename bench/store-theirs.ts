// What mlsign is compared with: `node bench/store-theirs.ts upload BUCKET KEY FILE` by @aws-sdk/lib-storage, `puts BUCKET PREFIX FOLDER` by
// PutObject with eight in flight. Where the server is and who asks, the environment says.
import { createReadStream, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

const IN_FLIGHT = 8;

const [, , what, Bucket = '', place = '', path = ''] = process.argv;
const client = new S3Client({ forcePathStyle: true });
if (what === 'upload') await new Upload({ client, params: { Bucket, Key: place, Body: createReadStream(path) } }).done();
else {
  const names = readdirSync(path).values();
  const lane = async () => {
    for (const name of names) {
      await client.send(new PutObjectCommand({ Bucket, Key: `${place}/${name}`, Body: await readFile(join(path, name)) }));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}
client.destroy();
