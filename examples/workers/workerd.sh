#!/bin/sh
# Starts the runtime so that it ends together with who started it, however that ends, where the system can see to it.
if command -v setpriv >/dev/null 2>&1; then
  exec setpriv --pdeathsig KILL -- "$WORKERD" "$@"
fi
exec "$WORKERD" "$@"
