.PHONY: help demo demo-languages test soak modules

help:
	@echo "make demo             install what is needed and show a crash and a recovery"
	@echo "make demo-languages   one thread in four languages, through the deaths of a worker and of the server"
	@echo "make test             every check and test of every language; the last line is the count"
	@echo "make soak             the tests at full size: hours rather than minutes"

demo:
	@scripts/preflight.sh demo
	@$(MAKE) --no-print-directory modules
	@npm run -s demo

demo-languages:
	@scripts/preflight.sh demo-languages
	@$(MAKE) --no-print-directory modules
	@node examples/build.mjs
	@npm run -s demo:languages

test:
	@scripts/preflight.sh test
	@$(MAKE) --no-print-directory modules
	@node test/run-all.mjs

soak:
	@scripts/preflight.sh test
	@$(MAKE) --no-print-directory modules
	@CAIRN_SOAK=1 node test/run-all.mjs vitest mutants

# Installs only if the lock file is another than the one last installed. npm's warnings are left out: under Node 20
# it complains of packages that want Node 22, which are run by the Node 24 that it installs.
modules:
	@cmp -s package-lock.json node_modules/.installed-lock || \
	  { npm ci --loglevel=error && cp package-lock.json node_modules/.installed-lock; }
