import { ChanceryError } from '../errors/chancery-error.ts'
import type { Answer } from './http-transport.ts'
import { resolveForeignUrl } from './origins.ts'

const MAX_REDIRECTS = 5

/**
 * Follows the redirects of a download: at most five, to places that {@link resolveForeignUrl} allows, with requests
 * that carry no credential, not even back to the registry itself.
 *
 * @param origin The registry the download began at.
 * @param first Its answer.
 * @param fetchAnonymously Sends the request to another place, without credentials.
 * @throws ChanceryError ERR_REGISTRY_REDIRECT if there are more, or one goes where none is followed.
 */
export async function followRedirects(
  origin: URL,
  first: Answer,
  fetchAnonymously: (target: URL) => Promise<Answer>,
): Promise<Answer> {
  let answer = first
  for (let followed = 0; answer.status >= 300 && answer.status < 400; followed++) {
    if (followed === MAX_REDIRECTS) {
      throw new ChanceryError(
        'ERR_REGISTRY_REDIRECT',
        `expected at most ${MAX_REDIRECTS} redirects from ${origin.host}, found more`,
      )
    }
    const location = answer.headers.location
    if (location === undefined) {
      throw new ChanceryError(
        'ERR_REGISTRY_BAD_ANSWER',
        `${answer.url.host} answered ${answer.status} without a location to go to`,
      )
    }
    answer = await fetchAnonymously(resolveForeignUrl(origin, answer.url, location, 'the redirect'))
  }
  return answer
}
