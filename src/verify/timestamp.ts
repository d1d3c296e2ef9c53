/**
 * The time that an RFC 3161 response claims (`genTime`, §2.4.2), or undefined where it cannot be read. Nothing of it is
 * verified: neither who made it, nor over what.
 */
export async function claimedGenerationTime(response: Uint8Array): Promise<Date | undefined> {
  const { SignedData, TimeStampResp, TSTInfo } = await import('pkijs');
  try {
    const { timeStampToken } = TimeStampResp.fromBER(response);
    const content = new SignedData({ schema: timeStampToken?.content }).encapContentInfo.eContent;
    return content === undefined ? undefined : TSTInfo.fromBER(content.getValue()).genTime;
  } catch {
    return undefined;
  }
}
