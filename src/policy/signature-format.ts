/**
 * The forms in which the signature of an image is made: `legacy`, over a Cosign metadata file, which every Cosign and
 * podman read; `bundle`, over an in-toto statement, in a Sigstore bundle, as Cosign makes them from version 3 on.
 */
export const SIGNATURE_FORMATS = ['legacy', 'bundle'] as const
/** One of {@link SIGNATURE_FORMATS}. */
export type SignatureFormat = (typeof SIGNATURE_FORMATS)[number]
