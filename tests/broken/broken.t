#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Fails, on purpose: tests/scenario/runner.t runs it to see that a failure does not go unnoticed.
echo "ok 1 - this one is right"
echo "not ok 2 - this one is broken on purpose"
echo "1..2"
