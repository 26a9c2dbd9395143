export function doctor(json: boolean): number {
  return json ? 0 : 1;
}
