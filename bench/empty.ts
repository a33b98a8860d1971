/** The empty program that start-up is measured against. */
console.log("");
