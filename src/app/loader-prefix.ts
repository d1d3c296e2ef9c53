import { layoutOf, type Store, type StoreLocation } from '../store/index.ts';

/**
 * What a plain loader is pointed at for one model, with `/` at its end: `s3://bucket/prefix/name/<model id>/`, or the path of
 * a directory.
 */
export function loaderPrefix({ kind, url }: Pick<Store, 'kind' | 'url'>, location: StoreLocation, modelId: string): string {
  const prefix = `${url}/${layoutOf(location).files(modelId)}`;
  return kind === 'local' ? prefix.slice('file:'.length) : prefix;
}
