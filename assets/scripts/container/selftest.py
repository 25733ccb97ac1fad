#!/usr/bin/env python3
import sys
print("@@ selftest placeholder ok")
sys.exit(0)
