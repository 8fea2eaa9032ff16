#!/usr/bin/env node
/*
 * Starts the program under a Node that can run it. This file has to parse on every Node back to
 * version 10, and loads nothing else before it knows the version: old syntax, CommonJS.
 */
'use strict'

var fs = require('fs')
var path = require('path')

var NEEDED_MAJOR = 24
var EXIT_UNAVAILABLE = 6
var EXIT_BUG = 70
var root = path.dirname(__dirname)

function majorOf(version) {
  return parseInt(version, 10)
}

function printVersion() {
  process.stdout.on('error', function (error) {
    if (error.code === 'EPIPE') return
    process.stderr.write('error: expected to be able to write to stdout\n')
    process.exitCode = EXIT_UNAVAILABLE
  })
  var manifest = fs.readFileSync(path.join(root, 'package.json'), 'utf8')
  process.stdout.write(JSON.parse(manifest).version + '\n')
}

/** Runs in this process: the sources of a clone, or the build of an installed package. */
function runHere() {
  keepCompiledCode()
  var source = path.join(root, 'src', 'main.ts')
  if (fs.existsSync(source)) {
    import(require('url').pathToFileURL(source).href).catch(fail)
    return
  }
  try {
    require(path.join(root, 'dist', 'main.cjs'))
  } catch (error) {
    fail(error)
  }
}

function fail(error) {
  console.error(error)
  process.exitCode = EXIT_BUG
}

/**
 * Keeps compiled code, of a clone also the sources without their types, for the next start, under
 * $XDG_CACHE_HOME or ~/.cache. What lies there is run as code: where anybody else could write to it
 * (a home directory of another user, after sudo) or where it cannot be made, nothing is kept.
 */
function keepCompiledCode() {
  var home = process.env.XDG_CACHE_HOME || path.join(process.env.HOME || '', '.cache')
  if (process.platform === 'win32' || !path.isAbsolute(home)) return
  var directory = path.join(home, 'chancery')
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 448 }) // 0700
    if ([path.dirname(home), home, directory].every(isOurs)) {
      require('module').enableCompileCache(directory)
    }
  } catch (error) {
    // A start without it is slower, and nothing else.
  }
}

/** Whether it is a directory that only this user, or root, can write to. */
function isOurs(directory) {
  var found = fs.lstatSync(directory)
  var isOwn = found.uid === 0 || found.uid === process.geteuid()
  return found.isDirectory() && isOwn && (found.mode & 18) === 0 // 022
}

/** The executable of the npm package `node`, when it is installed near us and new enough. */
function findPackagedNode() {
  try {
    var manifest = require.resolve('node/package.json', { paths: [root] })
    if (majorOf(require(manifest).version) < NEEDED_MAJOR) return undefined
    var name = process.platform === 'win32' ? 'node.exe' : 'node'
    var executable = path.join(path.dirname(manifest), 'bin', name)
    return fs.existsSync(executable) ? executable : undefined
  } catch (error) {
    return undefined
  }
}

/** Runs in a process of the other Node, which gets our streams and signals and gives its end. */
function runUnder(executable) {
  var spawn = require('child_process').spawn
  var args = [__filename].concat(process.argv.slice(2))
  var child = spawn(executable, process.execArgv.concat(args), { stdio: 'inherit' })
  var signals = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR2']
  var forward = signals.map(function (signal) {
    return function () {
      // A terminal has sent it to the child as well.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
  })
  signals.forEach(function (signal, index) {
    process.on(signal, forward[index])
  })
  child.on('error', function (error) {
    console.error('error: cannot start ' + executable + ': ' + error.message)
    process.exitCode = EXIT_BUG
  })
  child.on('exit', function (code, signal) {
    signals.forEach(function (one, index) {
      process.removeListener(one, forward[index])
    })
    if (signal === null) process.exitCode = code
    else process.kill(process.pid, signal)
  })
}

function refuse() {
  process.stderr.write(
    'error: chancery needs Node.js ' +
      NEEDED_MAJOR +
      ' or newer; this is ' +
      process.versions.node +
      ' (' +
      process.execPath +
      ')\n' +
      'hint: install it beside chancery with `npm install node@' +
      NEEDED_MAJOR +
      '`; chancery then finds it by itself\n' +
      'hint: or start chancery with a newer Node.js of your own\n',
  )
  process.exitCode = EXIT_BUG
}

if (process.argv.length === 3 && process.argv[2] === '--version') {
  printVersion()
} else if (majorOf(process.versions.node) >= NEEDED_MAJOR) {
  runHere()
} else {
  var packagedNode = findPackagedNode()
  if (packagedNode === undefined) refuse()
  else runUnder(packagedNode)
}
