/** The layers as ARCHITECTURE.md draws them. */
export interface LayerPicture {
  /** Folder (or `main`, the one module above all folders) to its level; 0 is the lowest. */
  readonly levels: ReadonlyMap<string, number>
  /** Folder to the folders of its own layer that it may import, followed along all arrows. */
  readonly sideways: ReadonlyMap<string, ReadonlySet<string>>
}

const lineForm = /^L(\d)\s+(.+)$/

/**
 * Reads the picture: lines `L3  identity -> catalog  keys`, where two spaces part strangers and
 * arrows allow imports within the layer.
 *
 * @throws Error when there is no picture, a level is missing or twice there, or a folder stands on
 *   two levels.
 */
export function parseLayerPicture(markdown: string): LayerPicture {
  const levels = new Map<string, number>()
  const arrows = new Map<string, Set<string>>()
  const seen = new Set<number>()
  for (const line of markdown.split('\n')) {
    const match = lineForm.exec(line)
    if (match === null) continue
    const level = Number(match[1])
    if (seen.has(level)) throw new Error(`the picture has level ${level} twice`)
    seen.add(level)
    for (const chain of match[2]!.trim().split(/\s{2,}/)) {
      const folders = chain.split(/\s*->\s*/)
      for (const [index, folder] of folders.entries()) {
        if (!/^[a-z0-9-]+$/.test(folder)) throw new Error(`not a folder's name: ${folder}`)
        if ((levels.get(folder) ?? level) !== level) throw new Error(`${folder} is on two levels`)
        levels.set(folder, level)
        const next = folders[index + 1]
        if (next !== undefined) arrows.set(folder, (arrows.get(folder) ?? new Set()).add(next))
      }
    }
  }
  for (let level = 0; level < seen.size; level++) {
    if (!seen.has(level)) throw new Error(`the picture has no level ${level}`)
  }
  if (seen.size === 0) throw new Error('there is no picture of the layers')
  const sideways = new Map([...levels.keys()].map((folder) => [folder, reach(arrows, folder)]))
  return { levels, sideways }
}

/** Whether a module of `from` may import a module of `to`; each folder may import itself. */
export function mayImport(picture: LayerPicture, from: string, to: string): boolean {
  const fromLevel = picture.levels.get(from)
  const toLevel = picture.levels.get(to)
  if (fromLevel === undefined || toLevel === undefined) return false
  return from === to || toLevel < fromLevel || picture.sideways.get(from)!.has(to)
}

function reach(arrows: ReadonlyMap<string, ReadonlySet<string>>, start: string): Set<string> {
  const reached = new Set<string>()
  const waiting = [...(arrows.get(start) ?? [])]
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (reached.has(folder)) continue
    reached.add(folder)
    waiting.push(...(arrows.get(folder) ?? []))
  }
  return reached
}
