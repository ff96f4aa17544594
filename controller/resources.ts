import type { DeploymentId } from '../shared/ids.ts'
import type { Allotment, Resources } from '../shared/protocol.ts'

/** What there is to be allotted. How many GPUs is how many have a name. */
export interface Machine {
  readonly resources: Resources
  /** As CUDA_VISIBLE_DEVICES names them. */
  readonly gpus: readonly string[]
}

/** Ten shares of 0.1 fill one CPU, whatever binary fractions make of it. */
const EPSILON = 1e-9

/** What a replica has of the machine. */
export interface Holding {
  readonly deployment: DeploymentId
  readonly allotment: Allotment
  /** It leaves, or is to be replaced: its successor may have the same, but nobody else. */
  readonly isLent: boolean
}

/** A share of what is free, or else of what the replicas have that the new one takes the place of. */
export function allotTo(
  deployment: DeploymentId,
  need: Resources,
  { machine, held }: { readonly machine: Machine; readonly held: readonly Holding[] },
): Allotment | undefined {
  const all = held.map(({ allotment }) => allotment)
  return allot(machine, all, need) ?? allot(machine, heldBeside(deployment, held), need)
}

/** What a replica of this deployment cannot have. */
export function heldBeside(deployment: DeploymentId, held: readonly Holding[]): Allotment[] {
  return held.filter((one) => !one.isLent || one.deployment !== deployment).map(({ allotment }) => allotment)
}

/** A share of the machine beside those that are held; undefined: it does not fit. */
export function allot(machine: Machine, held: readonly Allotment[], need: Resources): Allotment | undefined {
  const { GPU = 0, ...others } = need
  const fits = Object.entries(others).every(([name, amount]) => {
    const taken = held.reduce((sum, { resources }) => sum + (resources[name] ?? 0), 0)
    return amount <= (machine.resources[name] ?? 0) - taken + EPSILON
  })
  const gpus = fits ? allotGpus(machine.gpus, held, GPU) : undefined
  return gpus && { resources: need, gpus }
}

/** What of the machine nobody holds. */
export function freeOf({ resources, gpus }: Machine, held: readonly Allotment[]): Resources {
  const all = gpus.length === 0 ? resources : { ...resources, GPU: gpus.length }
  return Object.fromEntries(
    Object.entries(all).map(([name, amount]) => {
      const taken = held.reduce((sum, { resources: own }) => sum + (own[name] ?? 0), 0)
      return [name, Math.max(0, Math.round((amount - taken) * 1e4) / 1e4)]
    }),
  )
}

/** Whole ones are nobody else's; of a shared one the fullest that has room, so that others stay whole. */
function allotGpus(all: readonly string[], held: readonly Allotment[], need: number): readonly string[] | undefined {
  if (need === 0) return []
  const used = new Map(all.map((gpu) => [gpu, usedOf(gpu, held)]))
  if (need >= 1) {
    const free = all.filter((gpu) => used.get(gpu) === 0).slice(0, need)
    return free.length === need ? free : undefined
  }
  const roomy = all.filter((gpu) => (used.get(gpu) ?? 0) + need <= 1 + EPSILON)
  const [fullest] = roomy.toSorted((a, b) => (used.get(b) ?? 0) - (used.get(a) ?? 0))
  return fullest === undefined ? undefined : [fullest]
}

function usedOf(gpu: string, held: readonly Allotment[]): number {
  return held
    .filter(({ gpus }) => gpus.includes(gpu))
    .reduce((sum, { resources: { GPU = 0 } }) => sum + Math.min(1, GPU), 0)
}

/** As the reference shows them: `{"CPU": 1, "GPU": 0.5}`. */
export function showResources(resources: Resources): string {
  const parts = Object.entries(resources).map(([name, amount]) => `${JSON.stringify(name)}: ${amount}`)
  return `{${parts.join(', ')}}`
}
