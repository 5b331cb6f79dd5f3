"""What the studio is measured by. Every file runs by itself: `make bench NAME=composer`."""
